// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      activity_logs: {
        Row: {
          action: string
          created_at: string
          details: Json
          id: string
          ip_address: string | null
          resource_id: string | null
          resource_type: string | null
          session_id: string | null
          user_agent: string | null
          user_id: string | null
        }
        Insert: {
          action: string
          created_at?: string
          details?: Json
          id?: string
          ip_address?: string | null
          resource_id?: string | null
          resource_type?: string | null
          session_id?: string | null
          user_agent?: string | null
          user_id?: string | null
        }
        Update: {
          action?: string
          created_at?: string
          details?: Json
          id?: string
          ip_address?: string | null
          resource_id?: string | null
          resource_type?: string | null
          session_id?: string | null
          user_agent?: string | null
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'activity_logs_user_id_fkey'
            columns: ['user_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
        ]
      }
      credits_usage: {
        Row: {
          action: string
          burn_key: string
          created_at: string
          credits_used: number
          details: Json
          id: string
          resource_id: string | null
          resource_type: string | null
          subscription_id: string | null
          user_id: string | null
        }
        Insert: {
          action: string
          burn_key: string
          created_at?: string
          credits_used: number
          details?: Json
          id?: string
          resource_id?: string | null
          resource_type?: string | null
          subscription_id?: string | null
          user_id?: string | null
        }
        Update: {
          action?: string
          burn_key?: string
          created_at?: string
          credits_used?: number
          details?: Json
          id?: string
          resource_id?: string | null
          resource_type?: string | null
          subscription_id?: string | null
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'credits_usage_subscription_id_fkey'
            columns: ['subscription_id']
            isOneToOne: false
            referencedRelation: 'user_subscriptions'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'credits_usage_user_id_fkey'
            columns: ['user_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
        ]
      }
      file_comments: {
        Row: {
          author_id: string | null
          author_name: string
          body: string
          created_at: string
          file_id: string
          frame: number
          id: string
          project_id: string
          resolved_at: string | null
          review_link_id: string | null
          user_id: string
        }
        Insert: {
          author_id?: string | null
          author_name: string
          body: string
          created_at?: string
          file_id: string
          frame?: number
          id?: string
          project_id: string
          resolved_at?: string | null
          review_link_id?: string | null
          user_id: string
        }
        Update: {
          author_id?: string | null
          author_name?: string
          body?: string
          created_at?: string
          file_id?: string
          frame?: number
          id?: string
          project_id?: string
          resolved_at?: string | null
          review_link_id?: string | null
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'file_comments_author_id_fkey'
            columns: ['author_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'file_comments_user_id_file_id_fkey'
            columns: ['user_id', 'file_id']
            isOneToOne: false
            referencedRelation: 'project_files'
            referencedColumns: ['user_id', 'id']
          },
          {
            foreignKeyName: 'file_comments_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      in_app_notifications: {
        Row: {
          action_url: string | null
          created_at: string
          data: Json | null
          id: string
          message: string
          read_at: string | null
          title: string
          type: string
          user_id: string
        }
        Insert: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message: string
          read_at?: string | null
          title: string
          type?: string
          user_id: string
        }
        Update: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message?: string
          read_at?: string | null
          title?: string
          type?: string
          user_id?: string
        }
        Relationships: []
      }
      notification_preferences: {
        Row: {
          email: boolean | null
          in_app: boolean | null
          locale: string | null
          marketing: boolean | null
          push: boolean | null
          quiet_from: string | null
          quiet_until: string | null
          sms: boolean | null
          topic: string
          user_id: string
          zone: string | null
        }
        Insert: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Update: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Relationships: []
      }
      payment_transactions: {
        Row: {
          amount: number
          created_at: string
          credits: number
          currency: string
          description: string
          id: string
          invoice_number: string | null
          invoice_url: string | null
          metadata: Json
          receipt_url: string | null
          refunded_amount: number
          risk_level: string | null
          source: string
          status: Database['public']['Enums']['transaction_status']
          stripe_payment_intent_id: string | null
          transaction_type: Database['public']['Enums']['transaction_type']
          updated_at: string
          user_id: string | null
        }
        Insert: {
          amount: number
          created_at?: string
          credits?: number
          currency?: string
          description?: string
          id?: string
          invoice_number?: string | null
          invoice_url?: string | null
          metadata?: Json
          receipt_url?: string | null
          refunded_amount?: number
          risk_level?: string | null
          source: string
          status: Database['public']['Enums']['transaction_status']
          stripe_payment_intent_id?: string | null
          transaction_type: Database['public']['Enums']['transaction_type']
          updated_at?: string
          user_id?: string | null
        }
        Update: {
          amount?: number
          created_at?: string
          credits?: number
          currency?: string
          description?: string
          id?: string
          invoice_number?: string | null
          invoice_url?: string | null
          metadata?: Json
          receipt_url?: string | null
          refunded_amount?: number
          risk_level?: string | null
          source?: string
          status?: Database['public']['Enums']['transaction_status']
          stripe_payment_intent_id?: string | null
          transaction_type?: Database['public']['Enums']['transaction_type']
          updated_at?: string
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payment_transactions_user_id_fkey'
            columns: ['user_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
        ]
      }
      project_exports: {
        Row: {
          created_at: string
          file_size: number
          id: string
          project_id: string
          requested_by: string | null
          storage_path: string
          user_id: string
        }
        Insert: {
          created_at?: string
          file_size?: number
          id?: string
          project_id: string
          requested_by?: string | null
          storage_path: string
          user_id: string
        }
        Update: {
          created_at?: string
          file_size?: number
          id?: string
          project_id?: string
          requested_by?: string | null
          storage_path?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'project_exports_requested_by_fkey'
            columns: ['requested_by']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'project_exports_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      project_files: {
        Row: {
          approval: Database['public']['Enums']['approval_status']
          approved_at: string | null
          approved_by: string | null
          codec: string | null
          created_at: string
          credits_cost: number
          duration: number | null
          expires_at: string | null
          file_size: number
          file_type: string
          filename: string
          folder_id: string | null
          fps: number | null
          id: string
          processing_status: Database['public']['Enums']['processing_status']
          project_id: string
          resolution: string | null
          storage_path: string
          tags: string[]
          thumbnail_url: string | null
          updated_at: string
          uploaded_by: string | null
          user_id: string
          version: number
          version_group: string
        }
        Insert: {
          approval?: Database['public']['Enums']['approval_status']
          approved_at?: string | null
          approved_by?: string | null
          codec?: string | null
          created_at?: string
          credits_cost?: number
          duration?: number | null
          expires_at?: string | null
          file_size: number
          file_type: string
          filename: string
          folder_id?: string | null
          fps?: number | null
          id?: string
          processing_status?: Database['public']['Enums']['processing_status']
          project_id: string
          resolution?: string | null
          storage_path: string
          tags?: string[]
          thumbnail_url?: string | null
          updated_at?: string
          uploaded_by?: string | null
          user_id: string
          version?: number
          version_group: string
        }
        Update: {
          approval?: Database['public']['Enums']['approval_status']
          approved_at?: string | null
          approved_by?: string | null
          codec?: string | null
          created_at?: string
          credits_cost?: number
          duration?: number | null
          expires_at?: string | null
          file_size?: number
          file_type?: string
          filename?: string
          folder_id?: string | null
          fps?: number | null
          id?: string
          processing_status?: Database['public']['Enums']['processing_status']
          project_id?: string
          resolution?: string | null
          storage_path?: string
          tags?: string[]
          thumbnail_url?: string | null
          updated_at?: string
          uploaded_by?: string | null
          user_id?: string
          version?: number
          version_group?: string
        }
        Relationships: [
          {
            foreignKeyName: 'project_files_approved_by_fkey'
            columns: ['approved_by']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'project_files_uploaded_by_fkey'
            columns: ['uploaded_by']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'project_files_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
          {
            foreignKeyName: 'project_files_user_id_project_id_folder_id_fkey'
            columns: ['user_id', 'project_id', 'folder_id']
            isOneToOne: false
            referencedRelation: 'project_folders'
            referencedColumns: ['user_id', 'project_id', 'id']
          },
        ]
      }
      project_folders: {
        Row: {
          created_at: string
          id: string
          name: string
          parent_id: string | null
          project_id: string
          user_id: string
        }
        Insert: {
          created_at?: string
          id?: string
          name: string
          parent_id?: string | null
          project_id: string
          user_id: string
        }
        Update: {
          created_at?: string
          id?: string
          name?: string
          parent_id?: string | null
          project_id?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'project_folders_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
          {
            foreignKeyName: 'project_folders_user_id_project_id_parent_id_fkey'
            columns: ['user_id', 'project_id', 'parent_id']
            isOneToOne: false
            referencedRelation: 'project_folders'
            referencedColumns: ['user_id', 'project_id', 'id']
          },
        ]
      }
      project_members: {
        Row: {
          created_at: string
          member_id: string
          project_id: string
          role: Database['public']['Enums']['member_role']
          user_id: string
        }
        Insert: {
          created_at?: string
          member_id: string
          project_id: string
          role?: Database['public']['Enums']['member_role']
          user_id: string
        }
        Update: {
          created_at?: string
          member_id?: string
          project_id?: string
          role?: Database['public']['Enums']['member_role']
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'project_members_member_id_fkey'
            columns: ['member_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'project_members_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      projects: {
        Row: {
          collaboration_settings: Json
          created_at: string
          description: string
          export_count: number
          file_count: number
          id: string
          name: string
          settings: Json
          status: Database['public']['Enums']['project_status']
          status_changed_at: string
          tags: string[]
          team_id: string | null
          total_duration: number
          type: Database['public']['Enums']['project_type']
          updated_at: string
          user_id: string
        }
        Insert: {
          collaboration_settings?: Json
          created_at?: string
          description?: string
          export_count?: number
          file_count?: number
          id?: string
          name: string
          settings?: Json
          status?: Database['public']['Enums']['project_status']
          status_changed_at?: string
          tags?: string[]
          team_id?: string | null
          total_duration?: number
          type?: Database['public']['Enums']['project_type']
          updated_at?: string
          user_id?: string
        }
        Update: {
          collaboration_settings?: Json
          created_at?: string
          description?: string
          export_count?: number
          file_count?: number
          id?: string
          name?: string
          settings?: Json
          status?: Database['public']['Enums']['project_status']
          status_changed_at?: string
          tags?: string[]
          team_id?: string | null
          total_duration?: number
          type?: Database['public']['Enums']['project_type']
          updated_at?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'projects_user_id_fkey'
            columns: ['user_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'projects_user_id_team_id_fkey'
            columns: ['user_id', 'team_id']
            isOneToOne: false
            referencedRelation: 'teams'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      push_subscriptions: {
        Row: {
          auth: string | null
          created_at: string
          endpoint: string
          kind: string
          p256dh: string | null
          user_id: string
        }
        Insert: {
          auth?: string | null
          created_at?: string
          endpoint: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Update: {
          auth?: string | null
          created_at?: string
          endpoint?: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Relationships: []
      }
      review_links: {
        Row: {
          can_comment: boolean
          created_at: string
          created_by: string | null
          expires_at: string
          id: string
          project_id: string
          revoked_at: string | null
          token_hash: string
          user_id: string
        }
        Insert: {
          can_comment?: boolean
          created_at?: string
          created_by?: string | null
          expires_at: string
          id?: string
          project_id: string
          revoked_at?: string | null
          token_hash: string
          user_id: string
        }
        Update: {
          can_comment?: boolean
          created_at?: string
          created_by?: string | null
          expires_at?: string
          id?: string
          project_id?: string
          revoked_at?: string | null
          token_hash?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'review_links_created_by_fkey'
            columns: ['created_by']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'review_links_user_id_project_id_fkey'
            columns: ['user_id', 'project_id']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      subscription_plans: {
        Row: {
          billing_interval: Database['public']['Enums']['billing_interval']
          created_at: string
          credits_included: number
          currency: string
          description: string
          display_name: string
          features: Json
          id: string
          is_active: boolean
          name: string
          price: number
          storage_gb: number
          stripe_price_id: string | null
          updated_at: string
        }
        Insert: {
          billing_interval?: Database['public']['Enums']['billing_interval']
          created_at?: string
          credits_included: number
          currency?: string
          description?: string
          display_name: string
          features?: Json
          id?: string
          is_active?: boolean
          name: string
          price: number
          storage_gb: number
          stripe_price_id?: string | null
          updated_at?: string
        }
        Update: {
          billing_interval?: Database['public']['Enums']['billing_interval']
          created_at?: string
          credits_included?: number
          currency?: string
          description?: string
          display_name?: string
          features?: Json
          id?: string
          is_active?: boolean
          name?: string
          price?: number
          storage_gb?: number
          stripe_price_id?: string | null
          updated_at?: string
        }
        Relationships: []
      }
      team_members: {
        Row: {
          created_at: string
          member_id: string
          role: Database['public']['Enums']['team_role']
          team_id: string
          user_id: string
        }
        Insert: {
          created_at?: string
          member_id: string
          role?: Database['public']['Enums']['team_role']
          team_id: string
          user_id: string
        }
        Update: {
          created_at?: string
          member_id?: string
          role?: Database['public']['Enums']['team_role']
          team_id?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'team_members_member_id_fkey'
            columns: ['member_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'team_members_user_id_team_id_fkey'
            columns: ['user_id', 'team_id']
            isOneToOne: false
            referencedRelation: 'teams'
            referencedColumns: ['user_id', 'id']
          },
        ]
      }
      teams: {
        Row: {
          created_at: string
          id: string
          name: string
          user_id: string
        }
        Insert: {
          created_at?: string
          id?: string
          name: string
          user_id?: string
        }
        Update: {
          created_at?: string
          id?: string
          name?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'teams_user_id_fkey'
            columns: ['user_id']
            isOneToOne: false
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
        ]
      }
      user_profiles: {
        Row: {
          company_name: string | null
          country: string
          created_at: string
          full_name: string | null
          id: string
          industry: string | null
          preferences: Json
          role: Database['public']['Enums']['user_role']
          suspended_at: string | null
          suspension_reason: string | null
          updated_at: string
        }
        Insert: {
          company_name?: string | null
          country?: string
          created_at?: string
          full_name?: string | null
          id: string
          industry?: string | null
          preferences?: Json
          role?: Database['public']['Enums']['user_role']
          suspended_at?: string | null
          suspension_reason?: string | null
          updated_at?: string
        }
        Update: {
          company_name?: string | null
          country?: string
          created_at?: string
          full_name?: string | null
          id?: string
          industry?: string | null
          preferences?: Json
          role?: Database['public']['Enums']['user_role']
          suspended_at?: string | null
          suspension_reason?: string | null
          updated_at?: string
        }
        Relationships: []
      }
      user_subscriptions: {
        Row: {
          cancel_at_period_end: boolean
          created_at: string
          credits_extra: number
          credits_included: number
          credits_owed: number
          credits_used: number
          current_period_end: string
          current_period_start: string
          id: string
          plan_id: string
          status: Database['public']['Enums']['subscription_status']
          storage_grace_until: string | null
          storage_limit_bytes: number
          storage_used_bytes: number
          stripe_customer_id: string | null
          stripe_subscription_id: string | null
          subscription: string | null
          updated_at: string
          user_id: string
          warned_at: string | null
        }
        Insert: {
          cancel_at_period_end?: boolean
          created_at?: string
          credits_extra?: number
          credits_included?: number
          credits_owed?: number
          credits_used?: number
          current_period_end: string
          current_period_start: string
          id?: string
          plan_id: string
          status?: Database['public']['Enums']['subscription_status']
          storage_grace_until?: string | null
          storage_limit_bytes: number
          storage_used_bytes?: number
          stripe_customer_id?: string | null
          stripe_subscription_id?: string | null
          subscription?: string | null
          updated_at?: string
          user_id: string
          warned_at?: string | null
        }
        Update: {
          cancel_at_period_end?: boolean
          created_at?: string
          credits_extra?: number
          credits_included?: number
          credits_owed?: number
          credits_used?: number
          current_period_end?: string
          current_period_start?: string
          id?: string
          plan_id?: string
          status?: Database['public']['Enums']['subscription_status']
          storage_grace_until?: string | null
          storage_limit_bytes?: number
          storage_used_bytes?: number
          stripe_customer_id?: string | null
          stripe_subscription_id?: string | null
          subscription?: string | null
          updated_at?: string
          user_id?: string
          warned_at?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'user_subscriptions_plan_id_fkey'
            columns: ['plan_id']
            isOneToOne: false
            referencedRelation: 'subscription_plans'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'user_subscriptions_user_id_fkey'
            columns: ['user_id']
            isOneToOne: true
            referencedRelation: 'user_profiles'
            referencedColumns: ['id']
          },
        ]
      }
    }
    Views: { [_ in never]: never }
    Functions: { [_ in never]: never }
    Enums: {
      approval_status: 'pending' | 'approved' | 'changes_requested'
      billing_interval: 'month' | 'year'
      member_role: 'viewer' | 'commenter' | 'editor'
      processing_status: 'pending' | 'pending_upload' | 'uploaded' | 'processing' | 'ready' | 'error'
      project_status: 'draft' | 'in_progress' | 'review' | 'completed' | 'archived'
      project_type: 'feature_film' | 'short_film' | 'commercial' | 'music_video' | 'documentary' | 'social_media' | 'other'
      subscription_status: 'active' | 'cancelled' | 'past_due' | 'trialing' | 'incomplete'
      team_role: 'member' | 'manager'
      transaction_status: 'pending' | 'completed' | 'failed' | 'refunded' | 'cancelled'
      transaction_type: 'subscription' | 'credit_purchase' | 'one_time' | 'refund'
      user_role: 'user' | 'admin' | 'super_admin'
    }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
